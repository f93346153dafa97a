"""What lasts as long as a training run: progress, learning curves as they arise, and the models fitted so far."""
