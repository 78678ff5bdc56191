import { describe, expect, it } from 'vitest'
import { inferLibrary, inferTask, inferTransformers } from './infer-model.ts'

const paths = (...names: string[]) => new Set(names)

describe('what is inferred of a model', () => {
  // The answers of the public hub for gpt2, bert-base-uncased, whisper-tiny, Qwen2-VL, opus-mt, clip-vit, all-MiniLM.
  it.each([
    ['GPT2LMHeadModel', {}, 'AutoModelForCausalLM', 'text-generation', 'AutoTokenizer'],
    ['BertForMaskedLM', {}, 'AutoModelForMaskedLM', 'fill-mask', 'AutoTokenizer'],
    [
      'WhisperForConditionalGeneration',
      {},
      'AutoModelForSpeechSeq2Seq',
      'automatic-speech-recognition',
      'AutoProcessor',
    ],
    [
      'Qwen2VLForConditionalGeneration',
      { vision_config: {} },
      'AutoModelForImageTextToText',
      'image-text-to-text',
      'AutoProcessor',
    ],
    ['T5ForConditionalGeneration', {}, 'AutoModelForSeq2SeqLM', undefined, 'AutoTokenizer'],
    ['MarianMTModel', {}, 'AutoModelForSeq2SeqLM', 'translation', 'AutoTokenizer'],
    [
      'CLIPModel',
      {},
      'AutoModelForZeroShotImageClassification',
      'zero-shot-image-classification',
      'AutoProcessor',
    ],
    ['BertModel', {}, 'AutoModel', 'feature-extraction', undefined],
    ['SomethingElse', {}, 'AutoModel', undefined, undefined],
  ])('how transformers loads %s', (name, more, auto, task, processor) => {
    const info = inferTransformers({ model_type: 'any', architectures: [name], ...more })
    expect([info?.auto_model, info?.pipeline_tag, info?.processor]).toEqual([auto, task, processor])
  })

  it('which code of its own it brings', () => {
    const auto_map = { AutoConfig: 'c.C', AutoModelForCausalLM: 'modeling_x.XForCausalLM' }
    expect(inferTransformers({ model_type: 'x', auto_map })).toEqual({
      auto_model: 'AutoModelForCausalLM',
      custom_class: 'modeling_x.XForCausalLM',
    })
    expect(inferTransformers({ architectures: ['X'] })).toBeUndefined()
  })

  it('its library, its task, and how it comes from its base', () => {
    expect(inferLibrary(paths('config.json'), [], { model_type: 'bert' })).toBe('transformers')
    expect(inferLibrary(paths('config.json', 'modules.json'), [], { model_type: 'bert' })).toBe(
      'sentence-transformers',
    )
    expect(inferLibrary(paths('a.gguf'), [], undefined)).toBe('gguf')
    expect(inferLibrary(paths('a.gguf'), ['diffusers'], undefined)).toBe('diffusers')
    expect(inferLibrary(paths('a.bin'), [], undefined)).toBeUndefined()
    expect(inferTask('diffusers', { diffusers: { _class_name: 'FluxPipeline' } })).toBe('text-to-image')
    expect(inferTask('diffusers', { diffusers: { _class_name: 'WanImageToVideoPipeline' } })).toBe(
      'image-to-video',
    )
    expect(inferTask('sentence-transformers', undefined)).toBe('sentence-similarity')
  })
})
