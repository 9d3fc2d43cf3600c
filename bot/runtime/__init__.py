"""The running process: transports, workers, scheduler, and their start and stop."""
