"""The running process: transports, workers, scheduler, and what is started and stopped with them."""
