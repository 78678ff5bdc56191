/**
 * Words of card metadata that the public hub knows.
 * Licences: hub-docs docs/hub/repositories-licenses.md. Tasks and libraries: huggingface.js packages/tasks/src/pipelines.ts
 * and model-libraries.ts.
 */

const words = (text: string): readonly string[] => text.trim().split(/\s+/)

/** Licence ids of the `license` key, in the order of the public hub's table. */
export const LICENSE_IDS = words(`
  apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0 bigcode-openrail-m
  afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc cc0-1.0 cc-by-2.0 cc-by-2.5
  cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0
  cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0
  cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0
  lgpl lgpl-2.1 lgpl-3.0 isc h-research intel-research lppl-1.3c ms-pl apple-ascl apple-amlr mpl-2.0 odc-by odbl
  openmdw-1.0 openmdw-1.1 openrail++ osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr
  deepfloyd-if-license fair-noncommercial-research-license llama2 llama3 llama3.1 llama3.2 llama3.3 llama4
  grok2-community gemma unknown other
`)

/** Tasks: values of `pipeline_tag` on models and of `task_categories` on datasets. */
export const TASK_IDS = words(`
  text-classification token-classification table-question-answering question-answering zero-shot-classification
  translation summarization feature-extraction text-generation fill-mask sentence-similarity text-to-speech
  text-to-audio automatic-speech-recognition audio-to-audio audio-classification audio-text-to-text
  voice-activity-detection depth-estimation image-classification object-detection image-segmentation text-to-image
  image-to-text image-to-image image-to-video unconditional-image-generation video-classification
  reinforcement-learning robotics tabular-classification tabular-regression tabular-to-text table-to-text
  multiple-choice text-ranking text-retrieval time-series-forecasting text-to-video image-text-to-text
  image-text-to-image image-text-to-video visual-question-answering document-question-answering
  zero-shot-image-classification graph-ml mask-generation zero-shot-object-detection text-to-3d image-to-3d
  image-feature-extraction video-text-to-text keypoint-detection visual-document-retrieval any-to-any video-to-video
  other
`)

/** What models name as `library_name`, and formats that count as one. */
export const LIBRARY_IDS = words(`
  adapter-transformers allennlp asteroid bertopic big_vision bm25s coreml diffusers doctr dduf espnet fairseq fastai
  fasttext flair gguf gliner grok jax joblib k2 keras keras-hub litert llama.cpp mlx mlx-image mlx-lm ml-agents nemo onnx
  open_clip openvino optimum paddlenlp paddleocr paddlepaddle peft pyannote-audio pytorch pytorch_lightning rust
  safetensors sample-factory saelens sentence-transformers setfit sklearn skops spacy span-marker speechbrain
  stable-baselines3 stanza tensorboard tensorflowtts tensorrt tf tf-keras tflite timm torchgeo transformers
  transformers.js trl ultralytics unity-sentis vllm
`)

/** Values of `base_model_relation` (hub-docs docs/hub/model-cards.md, "Specifying a base model"). */
export const BASE_MODEL_RELATIONS = ['adapter', 'finetune', 'merge', 'quantized'] as const
