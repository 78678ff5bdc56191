import { LRUCache } from 'lru-cache'
import type { Lookup, Memo } from '../ports/database.ts'

interface Remembered<Value> {
  readonly stamp: number
  answer: Value | Promise<Value>
}

/**
 * Answers of `memo.load`, each as long as the stamp is the one from *before* it was loaded: a write that came while it
 * was loading makes it old. Those who ask at once share one load. Failures are not kept, nor is `undefined`: whoever
 * asks for names that do not exist pushes nobody out.
 */
export function remembered<Value>(memo: Memo<Value>, stampNow: () => number): Lookup<Value> {
  const forget = (key: string, entry: Remembered<Value>) => {
    if (kept.peek(key) === entry) kept.delete(key)
  }
  const kept = new LRUCache<string, Remembered<Value>>({ max: memo.max })
  return key => {
    const stamp = stampNow()
    const found = kept.get(key)
    if (found?.stamp === stamp) return found.answer
    const loading = memo.load(key)
    const entry: Remembered<Value> = { stamp, answer: loading }
    kept.set(key, entry)
    loading.then(
      value => {
        if (value === undefined) forget(key, entry)
        entry.answer = value
      },
      () => forget(key, entry),
    )
    return loading
  }
}
