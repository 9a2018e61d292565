"""The step train: train the network of a job's recipe; a killed training goes on after its last epoch."""

from pathlib import Path

from napari_stmml.batch import fingerprints
from napari_stmml.batch.job_folder import digest
from napari_stmml.batch.job_run import JobRun
from napari_stmml.features.encoder import Encoder
from napari_stmml.model import model_file
from napari_stmml.model.methods import method_of
from napari_stmml.model.training_record import TrainingHooks, TrainingRecord, save_network
from napari_stmml.srsml24.training import TrainingState
from napari_stmml.system.files import write_text
from napari_stmml.system.progress import with_time_left
from napari_stmml.system.strict_json import to_json

CHECKPOINT = ".checkpoint"
_ENDS = (".stmml", "_summary.txt", "_history.json", "_history.png")


def train(run: JobRun) -> None:
    """Train the network, where the recipe has one, and write what features are made with.

    Raises
    ------
    ValueError
        If there is nothing to train on, or the step process has to come first.
    Stopped
        If the job is to stop; the epochs so far are kept.
    """
    fingerprint, values = fingerprints.of_training(run), run.job.values
    done, said = run.folder.begin("train", fingerprint)
    run.say(said)
    if done:
        run.say("train: done already")
        return
    name = run.model.with_suffix("").relative_to(run.folder.path).as_posix()
    run.folder.note("train", fingerprint, [f"{name}{end}" for end in (*_ENDS, CHECKPOINT)])
    maps, files = run.training_maps()
    record = TrainingRecord(files, values["random_seed"])
    checkpoint = run.folder / f"{name}{CHECKPOINT}"
    go_on = load_checkpoint(run, checkpoint, record)

    def keep_state(state: TrainingState) -> None:
        about = {"training_of": digest(fingerprint), "epoch": state.epoch, "history": record.history}
        model_file.write(checkpoint, about, state.variables)

    has_network = run.recipe.trains
    run.say(f"train: {'TensorFlow is starting' if has_network else 'this recipe has nothing to train'}")
    report = with_time_left(run.report, run.recipe.epochs)
    hooks = TrainingHooks(report, keep_state=keep_state, go_on=go_on, should_stop=run.should_stop)
    encoder = method_of(run.recipe).train(maps, run.recipe, record, hooks)
    run.check_stop()
    run.folder.note("train", fingerprint, _write(run, name, encoder, record), done=True)
    checkpoint.unlink(missing_ok=True)


def load_checkpoint(run: JobRun, path: Path, record: TrainingRecord) -> TrainingState | None:
    """Read the state of a killed training, and its history into the record; None if there is none to use."""
    if not path.is_file():
        return None
    try:
        about, arrays = model_file.read(path)
    except ValueError as error:
        run.say(f"train: {error}; it begins anew")
        return None
    if about.get("training_of") != digest(fingerprints.of_training(run)):
        return None
    history, epoch = about.get("history"), about.get("epoch")
    if not isinstance(history, list) or epoch != len(history):
        run.say(f"train: {path.name} is damaged; it begins anew")
        return None
    record.history[:] = history
    run.say(f"train: goes on after epoch {epoch}")
    return TrainingState(epoch, arrays)


def _write(run: JobRun, name: str, encoder: Encoder, record: TrainingRecord) -> list[str]:
    """Write the network, its summary and its history, where there are any; return what was written."""
    model, summary, history, picture = (f"{name}{end}" for end in _ENDS)
    written = [model]
    save_network(run.folder / model, run.recipe, encoder, record)
    if text := encoder.describe():
        write_text(run.folder / summary, text)
        written.append(summary)
    if record.history:
        from napari_stmml.figures.curves import history_figure
        from napari_stmml.figures.drawing import save_figure

        write_text(run.folder / history, to_json(record.history))
        save_figure(history_figure(record.history), run.folder / picture)
        written += [history, picture]
    return written
