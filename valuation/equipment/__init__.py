"""Equipment valued from comparables: sales learned from, intervals calibrated, appraisals and inspections checked."""
