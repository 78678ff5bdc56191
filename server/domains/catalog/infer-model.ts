/**
 * What the public hub infers of a model whose card is silent: how transformers loads it, its task and its library.
 * Sources: transformers `models/auto/modeling_auto.py`, huggingface.js `packages/tasks`, hub-docs `models-tasks.md`.
 */

/** `hf_api.py:TransformersInfo` */
export interface TransformersInfo {
  readonly auto_model: string
  readonly custom_class?: string
  readonly pipeline_tag?: string
  readonly processor?: string
}

type Config = Readonly<Record<string, unknown>>

/** By how the name of an architecture ends: auto class, task, processor. The first that fits counts. */
const architectures: readonly [RegExp, string, string | undefined, string | undefined][] = [
  [/(ForCausalLM|LMHeadModel)$/, 'ForCausalLM', 'text-generation', 'AutoTokenizer'],
  [/ForMaskedLM$/, 'ForMaskedLM', 'fill-mask', 'AutoTokenizer'],
  [/ForSequenceClassification$/, 'ForSequenceClassification', 'text-classification', 'AutoTokenizer'],
  [/ForTokenClassification$/, 'ForTokenClassification', 'token-classification', 'AutoTokenizer'],
  [/ForTableQuestionAnswering$/, 'ForTableQuestionAnswering', 'table-question-answering', 'AutoTokenizer'],
  [/ForVisualQuestionAnswering$/, 'ForVisualQuestionAnswering', 'visual-question-answering', 'AutoProcessor'],
  [/ForQuestionAnswering$/, 'ForQuestionAnswering', 'question-answering', 'AutoTokenizer'],
  [/ForMultipleChoice$/, 'ForMultipleChoice', 'multiple-choice', 'AutoTokenizer'],
  [/MarianMTModel$/, 'ForSeq2SeqLM', 'translation', 'AutoTokenizer'],
  [/ForImageClassification$/, 'ForImageClassification', 'image-classification', 'AutoImageProcessor'],
  [
    /For(Semantic|Instance|Universal|Image)Segmentation$/,
    'ForImageSegmentation',
    'image-segmentation',
    'AutoImageProcessor',
  ],
  [
    /For(ZeroShot|.*Grounding).*ObjectDetection$/,
    'ForZeroShotObjectDetection',
    'zero-shot-object-detection',
    'AutoProcessor',
  ],
  [/ForObjectDetection$/, 'ForObjectDetection', 'object-detection', 'AutoImageProcessor'],
  [/ForDepthEstimation$/, 'ForDepthEstimation', 'depth-estimation', 'AutoImageProcessor'],
  [/ForVideoClassification$/, 'ForVideoClassification', 'video-classification', 'AutoImageProcessor'],
  [/ForCTC$/, 'ForCTC', 'automatic-speech-recognition', 'AutoProcessor'],
  [
    /(ForSpeechSeq2Seq|Whisper\w*ForConditionalGeneration|Speech\w*ForConditionalGeneration)$/,
    'ForSpeechSeq2Seq',
    'automatic-speech-recognition',
    'AutoProcessor',
  ],
  [/ForAudioClassification$/, 'ForAudioClassification', 'audio-classification', 'AutoFeatureExtractor'],
  [/(VitsModel|ForTextToWaveform)$/, 'ForTextToWaveform', 'text-to-audio', 'AutoTokenizer'],
  [/(ForVision2Seq|ForImageTextToText)$/, 'ForImageTextToText', 'image-text-to-text', 'AutoProcessor'],
  [
    /(CLIP|Siglip2?|ALIGN|AltCLIP)Model$/i,
    'ForZeroShotImageClassification',
    'zero-shot-image-classification',
    'AutoProcessor',
  ],
  [/ForPreTraining$/, 'ForPreTraining', undefined, 'AutoTokenizer'],
]

export function inferTransformers(config: Config): TransformersInfo | undefined {
  if (typeof config.model_type !== 'string') return undefined
  const [name] = Array.isArray(config.architectures) ? config.architectures : []
  const info = typeof name === 'string' ? ofArchitecture(name, config) : { auto_model: 'AutoModel' }
  const custom = ofAutoMap(config.auto_map)
  return custom ? { ...info, ...custom } : info
}

function ofArchitecture(name: string, config: Config): TransformersInfo {
  const known = architectures.find(([pattern]) => pattern.test(name))
  if (known) {
    const [, auto, task, processor] = known
    return {
      auto_model: `AutoModel${auto}`,
      ...(task && { pipeline_tag: task }),
      ...(processor && { processor }),
    }
  }
  if (/ForConditionalGeneration$/.test(name)) {
    return config.vision_config === undefined
      ? { auto_model: 'AutoModelForSeq2SeqLM', processor: 'AutoTokenizer' }
      : {
          auto_model: 'AutoModelForImageTextToText',
          pipeline_tag: 'image-text-to-text',
          processor: 'AutoProcessor',
        }
  }
  if (/Model$/.test(name) && !/(For|With)/.test(name))
    return { auto_model: 'AutoModel', pipeline_tag: 'feature-extraction' }
  return { auto_model: 'AutoModel' }
}

/** Code of its own in the repository: `{ "AutoModelForCausalLM": "modeling_x.XForCausalLM" }`. */
function ofAutoMap(autoMap: unknown): Pick<TransformersInfo, 'auto_model' | 'custom_class'> | undefined {
  if (typeof autoMap !== 'object' || autoMap === null) return undefined
  for (const [auto, custom] of Object.entries(autoMap)) {
    if (/^AutoModel/.test(auto) && typeof custom === 'string')
      return { auto_model: auto, custom_class: custom }
  }
  return undefined
}

/** Files that only one library writes. */
const telling: readonly [string, string][] = [
  ['model_index.json', 'diffusers'],
  ['adapter_config.json', 'peft'],
  ['modules.json', 'sentence-transformers'],
  ['config_sentence_transformers.json', 'sentence-transformers'],
  ['open_clip_config.json', 'open_clip'],
]

export function inferLibrary(
  paths: ReadonlySet<string>,
  cardTags: readonly string[],
  config: Config | undefined,
): string | undefined {
  const byTag = cardTags.find(tag => telling.some(([, library]) => library === tag))
  if (byTag) return byTag
  const byFile = telling.find(([path]) => paths.has(path))
  if (byFile) return byFile[1]
  if (typeof config?.model_type === 'string') return 'transformers'
  return [...paths].some(path => path.endsWith('.gguf')) ? 'gguf' : undefined
}

const ofPipelines: readonly [RegExp, string][] = [
  [/(Img2Img|ImageToImage|Inpaint|Edit|Kontext|Fill)\w*Pipeline$/, 'image-to-image'],
  [/(ImageToVideo|I2V|StableVideoDiffusion)\w*Pipeline$/, 'image-to-video'],
  [/(Video|Animate|Wan|Mochi|LTX)\w*Pipeline$/, 'text-to-video'],
  [/(Audio|Music)\w*Pipeline$/, 'text-to-audio'],
  [/^(DDPM|DDIM|ScoreSdeVe|LDM)Pipeline$/, 'unconditional-image-generation'],
  [/Pipeline$/, 'text-to-image'],
]

/** The task of a model by its library, when neither card nor architecture tell. */
export function inferTask(library: string | undefined, config: Config | undefined): string | undefined {
  if (library === 'sentence-transformers') return 'sentence-similarity'
  const diffusers = config?.diffusers as Config | undefined
  const pipeline = diffusers?._class_name
  if (typeof pipeline !== 'string') return undefined
  return ofPipelines.find(([pattern]) => pattern.test(pipeline))?.[1]
}
