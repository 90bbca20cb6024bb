"""The report: tables, figures and the page, of whatever there is of an experiment."""
