import { describe, expect, it } from 'vitest'
import { newMachine } from './run.ts'
import { useHub } from './use-hub.ts'

const hub = useHub(['--webhook-targets', 'any'])

describe('webhooks of huggingface_hub', () => {
  it('are made, changed, switched and deleted by HfApi, and its WebhookPayload reads what they send', async () => {
    const machine = await newMachine(hub().url, hub().token)
    expect(await machine.python('webhooks', { repo: 'ada/watched' })).toEqual({ left: 0 })
    expect(await hub().wholeLog()).not.toContain('my-secret')
  })

  it('are listed by the command line', async () => {
    const machine = await newMachine(hub().url, hub().token)
    const made = ['--url', 'https://receiver.example/hook', '--watch', 'org:acme']
    await machine.run('hf', ['webhooks', 'create', ...made])
    expect(await machine.run('hf', ['webhooks', 'ls', '--format', 'json'])).toContain('receiver.example')
  })
})
