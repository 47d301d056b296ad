"""What genuine evidence is about, beyond who made it: an activation's runtime data, or a certificate's key."""
