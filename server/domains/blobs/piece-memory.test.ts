import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Block, PieceMemory, ReaderPace } from './piece-memory.ts'
import { readPieces } from './read-pieces.ts'

const largest = 16 * 136 * 1024

describe('memory of pieces', () => {
  it('is not counted on by all who plan at the same time', async () => {
    const memory = new PieceMemory()
    const readers = 200
    const unit = 136 * 1024
    let held = 0
    let most = 0
    /** All that begin or go on together plan before any of them takes memory. */
    const fetch = async (bytes: number) => {
      await nextTurn()
      const block = memory.take(bytes)
      held += block.bytes.length
      most = Math.max(most, held)
      return {
        bytes: block.bytes,
        block: {
          ...block,
          free: () => {
            held -= block.bytes.length
            block.free()
          },
        },
      }
    }
    async function* plan(pieceBytes: () => number) {
      for (;;) yield pieceBytes()
    }
    const reading = Array.from({ length: readers }, () => readPieces(memory, plan, fetch))
    for (let round = 0; round < 8; round++) await Promise.all(reading.map(reader => reader.next()))
    expect(most).toBeLessThan(16 * largest + 2 * readers * unit)
    await Promise.all(reading.map(reader => reader.return()))
    expect(held).toBe(0)
    expect(memory.fairBytes).toBe(new PieceMemory().fairBytes)
  })

  it('never gives one byte to two, and becomes whole again', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: largest }), fc.boolean(), fc.nat()), { maxLength: 120 }),
        steps => {
          const memory = new PieceMemory()
          const whole = memory.fairBytes
          const taken: Block[] = []
          for (const [bytes, isGivenBack, which] of steps) {
            if (isGivenBack && taken.length > 0) taken.splice(which % taken.length, 1)[0]!.free()
            const block = memory.take(bytes)
            expect(block.bytes.length).toBeGreaterThanOrEqual(bytes)
            taken.push(block)
          }
          const places = taken.map(({ bytes }) => ({
            in: bytes.buffer,
            from: bytes.byteOffset,
            size: bytes.length,
          }))
          places.sort((a, b) => a.from - b.from)
          for (const [i, place] of places.entries()) {
            const next = places.slice(i + 1).find(other => other.in === place.in)
            if (next) expect(next.from).toBeGreaterThanOrEqual(place.from + place.size)
          }
          for (const block of taken) block.free()
          expect(memory.fairBytes).toBe(whole)
          const all = Array.from({ length: 16 }, () => memory.take(largest))
          expect(new Set(all.map(({ bytes }) => bytes.buffer)).size).toBe(1)
          expect(memory.take(1).bytes.buffer).not.toBe(all[0]!.bytes.buffer)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('gives smaller pieces the less is left, and one chunk when nothing is', () => {
    const memory = new PieceMemory()
    const fair: number[] = []
    for (let i = 0; i < 16; i++) {
      fair.push(memory.fairBytes)
      memory.take(largest)
    }
    expect(fair[0]).toBe(largest)
    expect(fair).toEqual([...fair].sort((a, b) => b - a))
    expect(memory.fairBytes).toBe(136 * 1024)
  })

  it('gives much to who reads fast, and little to who does not', () => {
    const memory = new PieceMemory()
    const pace = new ReaderPace(memory)
    expect([pace.pieceBytes, pace.piecesAhead]).toEqual([largest / 16, 0])
    for (let i = 0; i < 6; i++) pace.tookPiece(5)
    expect([pace.pieceBytes, pace.piecesAhead]).toEqual([largest, 2])
    pace.tookPiece(3000)
    expect([pace.pieceBytes, pace.piecesAhead]).toEqual([largest / 16, 0])
  })
})
