import { HubError } from '../../kernel/errors.ts'

/** No file of the repository, or not the one that was asked for, holds weights that are read. */
export class WeightsNotFound extends HubError {
  constructor(place: string) {
    super(`there are no weights in ${place}: safetensors, PyTorch, GGUF and ONNX are read`)
  }
}
