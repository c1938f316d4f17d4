"""What every room may use: settings, clock, problems, logging, metric definitions. No domain words here."""
