"""Ends of the names of files that several parts of the library must know."""

#: Exported networks.
EXPORTED = ('.onnx', '.xml')
