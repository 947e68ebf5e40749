# A shell at which nobody has typed for a quarter of an hour ends.
TMOUT=900
readonly TMOUT
export TMOUT
