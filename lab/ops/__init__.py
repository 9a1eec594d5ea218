"""What is done to a whole lab: one module for each verb of ``lab.*`` that changes it."""
