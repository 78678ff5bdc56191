import { scryptSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { TooManyAttempts } from './errors.ts'
import { PasswordLogins } from './password-logins.ts'

/** A hash that is quick to check: N = 16. */
function quickHash(password: string): string {
  const text = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '')
  const salt = Buffer.from('salt')
  return `$scrypt$ln=4,r=8,p=1$${text(salt)}$${text(scryptSync(password, salt, 32, { N: 16, r: 8, p: 1 }))}`
}

const window = 15 * 60_000

describe('password logins', () => {
  it('let the right password in and no other', async () => {
    const logins = new PasswordLogins(() => 0)
    const hash = quickHash('right one')
    expect(await logins.check('alice', 'right one', hash)).toBe(true)
    expect(await logins.check('alice', 'wrong one', hash)).toBe(false)
    expect(await logins.check('nobody', 'right one', undefined)).toBe(false)
  })

  it('end after ten wrong passwords, for the right one too, until the window is over', async () => {
    const time = { now: 1000 }
    const logins = new PasswordLogins(() => time.now)
    const hash = quickHash('right one')
    // Known to be right before, which must not become a way around.
    expect(await logins.check('alice', 'right one', hash)).toBe(true)
    for (let guess = 0; guess < 10; guess++) {
      expect(await logins.check('alice', `guess ${guess}`, hash)).toBe(false)
    }
    time.now += 60_000
    const refusal = await logins.check('alice', 'right one', hash).catch(error => error)
    expect(refusal).toBeInstanceOf(TooManyAttempts)
    expect(refusal.retryAfterMs).toBe(window - 60_000)
    expect(await logins.check('bob', 'right one', hash)).toBe(true)
    time.now = 1000 + window
    expect(await logins.check('alice', 'right one', hash)).toBe(true)
  })

  it('count guesses that are sent all at once', async () => {
    const logins = new PasswordLogins(() => 0)
    const hash = quickHash('right one')
    const guesses = Array.from({ length: 40 }, (_, guess) => logins.check('alice', `guess ${guess}`, hash))
    const outcomes = await Promise.allSettled(guesses)
    expect(outcomes.filter(outcome => outcome.status === 'fulfilled')).toHaveLength(10)
  })

  it('do not count the right password, however many clients show it at once', async () => {
    const logins = new PasswordLogins(() => 0)
    const hash = quickHash('right one')
    const checks = Array.from({ length: 100 }, () => logins.check('alice', 'right one', hash))
    expect(new Set(await Promise.all(checks))).toEqual(new Set([true]))
    for (let round = 0; round < 30; round++) expect(await logins.check('alice', 'right one', hash)).toBe(true)
  })

  it('forget a right password as soon as another hash is stored', async () => {
    const logins = new PasswordLogins(() => 0)
    expect(await logins.check('alice', 'right one', quickHash('right one'))).toBe(true)
    expect(await logins.check('alice', 'right one', quickHash('the new one'))).toBe(false)
  })

  it('let only so many wait, and hold a turned-away login against nobody', async () => {
    const logins = new PasswordLogins(() => 0)
    const hash = quickHash('right one')
    const crowd = Array.from({ length: 200 }, (_, user) => logins.check(`user ${user}`, 'right one', hash))
    const outcomes = await Promise.allSettled(crowd)
    const refused = outcomes.filter(outcome => outcome.status === 'rejected')
    expect(refused).toHaveLength(150)
    expect(refused[0]?.reason).toBeInstanceOf(TooManyAttempts)
    for (let round = 0; round < 11; round++) {
      expect(await logins.check('user 199', 'right one', hash)).toBe(true)
    }
  })
})
