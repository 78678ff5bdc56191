import { setImmediate } from 'node:timers/promises'

/**
 * Resolves after the event loop has looked for what has arrived, as it does between two requests: what another process
 * wrote before is seen from here on.
 */
export async function nextTurn(): Promise<void> {
  // The first one may still be of this turn.
  await setImmediate()
  await setImmediate()
}
