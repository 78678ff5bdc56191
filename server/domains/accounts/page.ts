import { hash } from 'node:crypto'
import type { FastifyReply } from 'fastify'

/** What the pages of this domain have in common: plain HTML, no script, in English or Chinese. */
export type Language = 'en' | 'zh'

const words = {
  en: {
    name: 'User name',
    password: 'Password',
    continue: 'Continue',
    'wrong-password': 'The user name and the password do not belong together.',
    'too-many': 'Too many wrong attempts. Wait a quarter of an hour.',
  },
  zh: {
    name: '用户名',
    password: '密码',
    continue: '继续',
    'wrong-password': '用户名与密码不符。',
    'too-many': '错误次数过多，请十五分钟后再试。',
  },
} as const

const style = `
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 30rem; margin: 12vh auto; padding: 0 1rem }
form, dl { display: grid; gap: .75rem; margin: 1.5rem 0 }
input:not([type=radio]), button { font: inherit; padding: .5rem .75rem; border: 1px solid #8886; border-radius: .4rem }
label:not(.choice) { display: grid; gap: .25rem }
button { cursor: pointer } .main { background: #17653a; color: #fff; border-color: #17653a }
.code { font: 700 2rem/1 ui-monospace, monospace; letter-spacing: .15em; text-align: center; margin: 1.5rem 0 }
.fault { color: #b3261e } dt { opacity: .7 } dd { margin: 0; overflow-wrap: anywhere }
`

/** `formTarget`: an origin beside this one that the answer to a form leads to; browsers ask that it be named. */
export function sendPage(
  reply: FastifyReply,
  page: {
    readonly language: Language
    readonly title: string
    readonly body: string
    readonly formTarget?: string
  },
): FastifyReply {
  return reply
    .headers({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': [
        "default-src 'none'",
        `style-src 'sha256-${hash('sha256', style, 'base64')}'`,
        `form-action 'self'${page.formTarget ? ` ${page.formTarget}` : ''}`,
        "frame-ancestors 'none'",
        "base-uri 'none'",
      ].join('; '),
      'cache-control': 'no-store',
      // Not `no-referrer`: with it browsers would not say from where a form was sent either.
      'referrer-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      vary: 'accept-language, cookie',
    })
    .send(
      `<!doctype html><html lang="${page.language}"><head><meta charset="utf-8">` +
        `<meta name="viewport" content="width=device-width"><title>${page.title} · Banyan 榕树</title>` +
        `<style>${style}</style></head><body><main><h1>${page.title}</h1>${page.body}</main></body></html>`,
    )
}

/** The first of the two that the browser names. */
export function languageOf(accepted = ''): Language {
  return /\b(zh|en)\b/i.exec(accepted)?.[1]?.toLowerCase() === 'zh' ? 'zh' : 'en'
}

export function signInForm(
  language: Language,
  form: {
    readonly action: string
    /** Why the page asks. */
    readonly why: string
    readonly hidden?: Readonly<Record<string, string>>
    readonly fault?: 'wrong-password' | 'too-many' | undefined
  },
): string {
  const text = words[language]
  const hidden = Object.entries(form.hidden ?? {}).map(
    ([name, value]) => `<input type="hidden" name="${name}" value="${escaped(value)}">\n`,
  )
  return `<p>${form.why}</p>${form.fault ? faultLine(text[form.fault]) : ''}<form method="post" action="${escaped(form.action)}">
${hidden.join('')}<label>${text.name} <input name="name" autocomplete="username" required autofocus></label>
<label>${text.password} <input name="password" type="password" autocomplete="current-password" required></label>
<button class="main">${text.continue}</button></form>`
}

export function faultLine(fault: string): string {
  return `<p class="fault" role="alert">${fault}</p>`
}

export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}
