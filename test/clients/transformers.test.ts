import { expect, it } from 'vitest'
import { MINILM } from './inputs.ts'
import { newMachine } from './run.ts'
import { useHub } from './use-hub.ts'

const hub = useHub()

it('transformers loads configuration and tokenizer from the hub, and pushes its own', async () => {
  const ada = await newMachine(hub().url, hub().token)
  const names = [
    'config.json',
    'tokenizer.json',
    'tokenizer_config.json',
    'vocab.txt',
    'special_tokens_map.json',
  ]
  const files = Object.fromEntries(names.map(name => [name, `${MINILM}/${name}`]))
  await ada.python('push', { repo: 'ada/minilm', files, private: true })

  const loaded = await ada.python<Record<string, unknown>>('transformers_load', { repo: 'ada/minilm' })
  expect(loaded).toEqual({
    model_type: 'bert',
    hidden_size: 384,
    layers: 6,
    tokenizer: expect.stringContaining('BertTokenizer'),
    ids: [101, 7592, 2088, 102], // as the published all-MiniLM-L6-v2 gives them
    text: 'banyan runs anywhere.',
  })

  await ada.python('transformers_save', { from: 'ada/minilm', to: 'ada/minilm-short' })
  const changed = await ada.python<Record<string, unknown>>('transformers_load', { repo: 'ada/minilm-short' })
  expect(changed).toMatchObject({ model_type: 'bert', layers: 3, ids: [101, 7592, 2088, 102] })
})
