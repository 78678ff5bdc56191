import { createHash } from 'node:crypto'
import type { ByteSource } from '../../formats/byte-source.ts'
import { type GgufValue, readGgufTexts } from '../../formats/gguf-header.ts'
import { parseSentencePieces } from '../../formats/sentencepiece.ts'
import { padToken, parseTokenizerJson, parseVocabularyJson } from '../../formats/tokenizer-json.ts'
import { type ModelFiles, nearestFile } from './model-files.ts'

/** The longest known (of 262,144 tokens, indented) is of 33 MB. */
const fileLimit = 36 * 1024 * 1024

const vocabularies: readonly [string, (bytes: Uint8Array) => string[]][] = [
  ['tokenizer.json', parseTokenizerJson],
  ['vocab.json', parseVocabularyJson],
  [
    'vocab.txt',
    bytes =>
      Buffer.from(bytes)
        .toString('utf8')
        .replace(/\r?\n$/, '')
        .split(/\r?\n/),
  ],
  ['tokenizer.model', parseSentencePieces],
]

/** Of the tokenizer that lies nearest to the file `path`. Throws MalformedInput or LimitExceeded. */
export async function readTokens(files: ModelFiles, path: string): Promise<string[] | undefined> {
  for (const [name, parse] of vocabularies) {
    const found = nearestFile(files, path, name)
    if (!found || found.size > fileLimit) continue
    const source = await files.open(found.path)
    return parse(await source.read(0, source.size))
  }
  return undefined
}

/** What the file itself holds. Those of BERT are written by llama.cpp in a way of its own, which is undone. */
export async function readGgufTokens(
  source: ByteSource,
  metadata: ReadonlyMap<string, GgufValue>,
): Promise<string[] | undefined> {
  const list = metadata.get('tokenizer.ggml.tokens')
  if (typeof list !== 'object') return undefined
  const tokens = await readGgufTexts(source, list)
  return metadata.get('tokenizer.ggml.model') === 'bert' ? tokens.map(wordPiece) : tokens
}

/** llama.cpp `convert_hf_to_gguf.py:BertModel.set_vocab`: words begin with "▁" there, and their further pieces with nothing. */
function wordPiece(token: string): string {
  if (token.startsWith('[') && token.endsWith(']')) return token
  return token.startsWith('▁') ? token.slice(1) : `##${token}`
}

/** The same for one vocabulary wherever it is written: without the names of ids at its end that no token has. */
export function hashTokens(tokens: readonly string[]): string {
  let count = tokens.length
  while (count > 0 && tokens[count - 1] === padToken(count - 1)) count--
  const hash = createHash('sha256')
  for (const token of tokens.slice(0, count)) {
    hash.update(`${Buffer.byteLength(token)}:`)
    hash.update(token)
  }
  return hash.digest('hex')
}
