"""What comes back of messages: the reference by which one is known again, and the reading of bounces and complaints."""
