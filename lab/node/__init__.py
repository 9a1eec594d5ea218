"""At a node's door: logins, files, and what its cluster manager says."""
