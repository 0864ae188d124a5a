"""How the weights of the preview's sound-alone mouth were made: `scripts/train-visemes` makes them again."""
