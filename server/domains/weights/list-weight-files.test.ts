import { describe, expect, it } from 'vitest'
import { listWeightFiles, type WeightFiles, type WeightFormat } from './index.ts'

const list = (...files: (string | [string, number])[]): WeightFiles[] =>
  listWeightFiles({
    list: () =>
      files.map(file =>
        typeof file === 'string' ? { path: file, size: 1 } : { path: file[0], size: file[1] },
      ),
  })
const paths = (...files: Parameters<typeof list>) => list(...files).map(({ path }) => path)

describe('listWeightFiles', () => {
  it('has the formats in their order, whatever the order of the files', () => {
    const formats: readonly WeightFormat[] = ['safetensors', 'pytorch', 'gguf', 'onnx']
    const found = list('a.onnx', 'b.gguf', 'pytorch_model.bin', 'unet/c.safetensors')
    expect(found.map(({ format }) => format)).toEqual(formats)
  })

  it('has what loaders take by itself first, then what is nearer to the root, then the larger', () => {
    expect(paths('consolidated.safetensors', 'model.safetensors', 'adapter_model.safetensors')).toEqual([
      'model.safetensors',
      'adapter_model.safetensors',
      'consolidated.safetensors',
    ])
    expect(paths('x/model.safetensors', 'model.fp16.safetensors', 'y.safetensors')).toEqual([
      'y.safetensors',
      'model.fp16.safetensors',
      'x/model.safetensors',
    ])
    const quantised = [
      ['m-Q4_K_M.gguf', 4],
      ['m-f16.gguf', 16],
      ['mmproj-f16.gguf', 20],
    ] as [string, number][]
    expect(paths(...quantised)).toEqual(['m-f16.gguf', 'm-Q4_K_M.gguf', 'mmproj-f16.gguf'])
  })

  it('has the parts of one model as one', () => {
    const files = [
      'model-00002-of-00002.safetensors',
      'model-00001-of-00002.safetensors',
      'q-00001-of-00001.gguf',
    ]
    expect(list(...files)).toMatchObject([
      { paths: ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'], size: 2 },
      { paths: ['q-00001-of-00001.gguf'] },
    ])
  })

  it('leaves out what only ends like weights', () => {
    expect(
      paths('training_args.bin', 'optimizer.pt', 'x/rng_state_0.pth', 'README.md', 'data.parquet'),
    ).toEqual([])
  })
})
