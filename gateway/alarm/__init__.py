"""How people on a host are told that something is wrong: by its journal and on their terminals."""
