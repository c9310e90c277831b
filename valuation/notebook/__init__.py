"""Entry points for notebooks: functions of scalars, lists, arrays and data frames; results that show themselves."""
