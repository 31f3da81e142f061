"""What our customers have: names, terms, add-ons, who renews, the processing module, the history of every change."""
