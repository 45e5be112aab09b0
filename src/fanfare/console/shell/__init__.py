"""What every page of the Manage Centre stands in: access, frame, navigation, notices."""
