"""What workflows keep in Temporal, encrypted for those who must: the key file and the codec."""
