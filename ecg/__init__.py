"""ECG pages to waveforms, beats and rhythm."""
