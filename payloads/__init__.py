"""What workflows keep in Temporal, encrypted for those who must: files with keys and the codec."""
