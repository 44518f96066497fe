"""What every importance estimator offers.

Notation: u (photo, concept) spatial means of the codes, or U (photo, position, concept) the codes themselves; F(U) = head(U V)[class] the
class logit; φ (photo, concept) the importance of each concept for each photo, in logits unless a method says otherwise.
"""
