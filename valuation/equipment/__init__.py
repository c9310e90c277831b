"""Equipment valuation from comparable sales, with calibrated intervals, and checks of appraisals and inspections."""
