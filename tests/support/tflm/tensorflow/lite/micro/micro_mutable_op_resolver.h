// Operators of TensorFlow Lite for Microcontrollers that files may need, with nothing behind them.
#pragma once
#include "tensorflow/lite/micro/micro_interpreter.h"

namespace tflite {

template <unsigned int kMost> class MicroMutableOpResolver : public MicroOpResolver {
 public:
  TfLiteStatus AddAdd();
  TfLiteStatus AddAveragePool2D();
  TfLiteStatus AddConv2D();
  TfLiteStatus AddDepthwiseConv2D();
  TfLiteStatus AddFullyConnected();
  TfLiteStatus AddLogistic();
  TfLiteStatus AddMaxPool2D();
  TfLiteStatus AddMinimum();
  TfLiteStatus AddMul();
  TfLiteStatus AddPad();
  TfLiteStatus AddQuantize();
  TfLiteStatus AddReshape();
  TfLiteStatus AddSoftmax();
  TfLiteStatus AddSplit();
  TfLiteStatus AddSub();
  TfLiteStatus AddTanh();
};

}  // namespace tflite
