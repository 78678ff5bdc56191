import { LimitExceeded } from '../kernel/errors.ts'
import { readFields } from './protobuf.ts'

const pieceLimit = 1024 * 1024

/** The pieces of a `tokenizer.model`, in order of their ids. Source: sentencepiece `src/sentencepiece_model.proto`. */
export function parseSentencePieces(bytes: Uint8Array): string[] {
  const pieces: string[] = []
  for (const field of readFields(bytes)) {
    if (field.number !== 1 || field.type !== 'bytes') continue
    if (pieces.length === pieceLimit) throw new LimitExceeded('tokenizer.model', pieceLimit, 'pieces')
    let text = ''
    const piece = bytes.subarray(field.begin, field.end)
    for (const { number, type, begin, end } of readFields(piece))
      if (number === 1 && type === 'bytes') text = Buffer.from(piece.subarray(begin, end)).toString('utf8')
    pieces.push(text)
  }
  return pieces
}
