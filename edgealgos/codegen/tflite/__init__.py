"""Models as .tflite files for the interpreters of LiteRT and TensorFlow Lite for Microcontrollers."""
