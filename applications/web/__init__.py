"""What our applications share: how they are reached, whom they serve, how they answer."""
