import type { XorbIndex } from '../../formats/xorb-footer.ts'
import type { BlobParts } from './parts.ts'
import type { Block } from './piece-memory.ts'
import { frameRange, type XorbFrames, xorbKey } from './xorb-objects.ts'

/** Reads frames, as they are, into a block of the memory of pieces, which the caller frees. */
export async function fetchFrames(
  parts: Pick<BlobParts, 'objects' | 'memory'>,
  index: XorbIndex,
  start: number,
  end: number,
): Promise<{ readonly frames: XorbFrames; readonly block: Block }> {
  const range = frameRange(index, start, end)
  const block = parts.memory.take(range.end - range.start)
  try {
    const bytes = await parts.objects.read(xorbKey(index.hash), range.start, range.end, block.bytes)
    return { frames: { index, start, end, bytes }, block }
  } catch (error) {
    block.free()
    throw error
  }
}
