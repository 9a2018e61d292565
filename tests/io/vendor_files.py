"""Small files of other microscopes, as their programs write them: a frame of 8 x 6 nm, -1.5 V, 20 pA."""

import numpy as np
from scipy.io import netcdf_file

HEIGHTS = np.random.default_rng(0).normal(0, 0.1, (6, 8))  # nm, row 0 at the top

_WSXM = """WSxM file copyright Nanotec Electronica
SxM Image file
Image header size: {size:05d}

[Control]

    Set Point: 0.02 nA
    Topography Bias: -1.5 V
    X Amplitude: 8 nm
    Y Amplitude: 6 nm
    Rotation: 30 Deg

[General Info]

    Acquisition channel: Topography
    Image Data Type: double
    Number of columns: 8
    Number of rows: 6
    Z Amplitude: {range} nm

[Header end]
"""
_SCALA = """;
;  Omicron SPM Control.
;  Parameter file for SPM data.
;
Format                              : 1
Version                             : V2.2
System                              : SCALA
Date                                : 03.12.2009 14:21
Scan Angle                          : 30     ;[deg]
Gap Voltage                         : -1.5     ;[V]
Feedback Set                        : 0.02     ;[nA]
Field X Size in nm                  : 8     ;[nm]
Field Y Size in nm                  : 6     ;[nm]
Image Size in X                     : 8
Image Size in Y                     : 6

Topographic Channel                 : Z    ;Channel
                                      Forward    ;Direction
                                      -32767     ;Minimum raw value
                                      32767      ;Maximum raw value
                                      -1.0       ;Minimum value in physical unit
                                      1.0        ;Maximum value in physical unit
                                      0.00003    ;Resolution
                                      nm         ;Physical unit
                                      a.tf0      ;Filename
                                      Z          ;Display name
"""
_CREATEC = """[Parameter]
Num.X / Num.X=8
Num.Y / Num.Y=6
Delta X / Delta X [Dac]=16384
Delta Y / Delta Y [Dac]=16384
GainX / GainX=10
GainY / GainY=10
GainZ / GainZ=10
Channels / Channels=1
Chan(1,2,4) / Chan(1,2,4)=1
Xpiezoconst=20.0
YPiezoconst=20.0
ZPiezoconst=10.0
DAC-Type=20bit
BiasVoltage / BiasVolt.[mV]=-1500
Current[A]=2.0E-11
Rotation / Rotation=30
"""


def write_wsxm(folder):
    """WSxM stores the last point of the last line first."""
    told = {"range": np.ptp(HEIGHTS)}
    text = _WSXM.replace("\n", "\r\n")
    size = len(text.format(size=0, **told))
    path = folder / "a.stp"
    path.write_bytes(text.format(size=size, **told).encode() + HEIGHTS[::-1, ::-1].astype("<f8").tobytes())
    return path


def write_scala(folder):
    """SCALA stores the bottom line first."""
    (folder / "a.par").write_bytes(_SCALA.replace("\n", "\r\n").encode())
    (folder / "a.tf0").write_bytes(np.rint(HEIGHTS[::-1] * 32767).astype(">i2").tobytes())
    return folder / "a.par"


def write_createc(folder):
    numbers = np.rint(HEIGHTS * 1000).astype("<i2").tobytes()
    header = _CREATEC.replace("\n", "\r\n").encode().ljust(16386, b"\0")
    (folder / "a.dat").write_bytes(header + numbers)
    return folder / "a.dat"


def write_gxsm(folder):
    path = folder / "a.nc"
    with netcdf_file(path, "w") as file:
        for name, size in {"time": 1, "value": 1, "dimy": 6, "dimx": 8}.items():
            file.createDimension(name, size)
        heights = file.createVariable("H", "h", ("time", "value", "dimy", "dimx"))
        heights[:] = np.rint(HEIGHTS * 1000).astype("i2")[None, None]
        heights.ZLabel, heights.unit, heights.var_unit = "Z", "AA", "Ang"
        numbers = {"rangex": (80, "AA"), "rangey": (60, "AA"), "rangez": (1, "AA"), "dz": (0.01, "AA")}
        numbers |= {"sranger_mk2_hwi_bias": (-1.5, "V"), "sranger_mk2_hwi_mix0_set_point": (0.02, "nA")}
        for name, (value, unit) in numbers.items():
            number = file.createVariable(name, "d", ())
            number.data[...] = value
            number.unit = unit
            number.var_unit = "Ang" if unit == "AA" else unit
    return path
