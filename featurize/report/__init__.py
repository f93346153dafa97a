"""What every page of Pellucid shares: numbers as text, charts, pictures, the frame of the page."""
