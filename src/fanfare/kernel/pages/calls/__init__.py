"""The calls of the API as forms, made from the OpenAPI document."""
