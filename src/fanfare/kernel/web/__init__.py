"""HTTP: connections, the steps of every request, its response, and the OpenAPI document."""
