"""What makes an object acceptable: decoding at the door, then the rules of its kind.

`intake` is the one door; `syntax` has the checks of single values that several kinds share;
every other module holds the rules of one kind.
"""
