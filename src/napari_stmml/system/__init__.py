"""Files written whole, locks, processes and progress; nothing here knows of STM."""
