import type { FastifyReply } from 'fastify'
import type { WaitingProgram } from './answer-device-login.ts'
import { escaped, faultLine, type Language, languageOf, sendPage, signInForm } from './page.ts'

/**
 * The pages on which somebody lets a program in: plain HTML, no script, in English or Chinese. What programs say of
 * themselves is shown as text and called what it is, a claim.
 */
export type DevicePage =
  | { readonly kind: 'sign-in'; readonly userCode: string; readonly fault?: 'wrong-password' | 'too-many' }
  | { readonly kind: 'enter-code'; readonly fault?: 'unknown-code' | 'too-many' }
  | { readonly kind: 'decide'; readonly user: string; readonly program: WaitingProgram }
  | { readonly kind: 'allowed' | 'denied' }

const words = {
  en: {
    title: 'Sign a program in',
    signIn: 'Sign in to this hub first. The program waits.',
    continue: 'Continue',
    enter: 'Enter the code that the program shows.',
    code: 'Code',
    'unknown-code':
      'No program waits with this code. It may have been used, or its quarter of an hour is over.',
    'too-many': 'Too many wrong attempts. Wait a quarter of an hour.',
    compare: 'Does the program show this very code? If it does not, or if you have started none, say no.',
    asks: 'Who asks',
    known: 'the Hugging Face client (hf auth login)',
    unknown: 'an unknown program',
    calls: 'calls itself',
    since: 'asked at',
    as: 'It would act as',
    write: 'Read and write all repositories that you may read and write',
    read: 'Read all repositories that you may read',
    allow: 'Let it in',
    deny: 'No',
    allowed:
      'The program is signed in. You may close this page; its token is listed among yours, where you can revoke it.',
    denied: 'The program was refused. You may close this page.',
  },
  zh: {
    title: '授权程序登录',
    signIn: '请先登录本站，程序正在等待。',
    continue: '继续',
    enter: '请输入程序显示的代码。',
    code: '代码',
    'unknown-code': '没有程序在用此代码等待：它可能已被使用，或已超过十五分钟。',
    'too-many': '错误次数过多，请十五分钟后再试。',
    compare: '程序显示的是否正是这个代码？若不是，或者您没有启动任何程序，请选择拒绝。',
    asks: '请求者',
    known: 'Hugging Face 客户端（hf auth login）',
    unknown: '未知程序',
    calls: '自称',
    since: '请求时间',
    as: '它将以此身份操作',
    write: '读写您能读写的所有仓库',
    read: '读取您能读取的所有仓库',
    allow: '允许',
    deny: '拒绝',
    allowed: '程序已登录，可以关闭此页。它的令牌列在您的令牌中，可随时吊销。',
    denied: '已拒绝该程序，可以关闭此页。',
  },
} as const

/** huggingface_hub `constants.py:DEVICE_CODE_OAUTH_CLIENT_ID`. */
const huggingFaceClient = '26be6b09-91c5-47da-9861-d2d2bb7a7e36'

export function sendDevicePage(
  reply: FastifyReply,
  page: DevicePage,
  acceptLanguage: string | undefined,
): FastifyReply {
  const language = languageOf(acceptLanguage)
  const text = words[language]
  return sendPage(reply, { language, title: text.title, body: bodyOf(page, language) })
}

function bodyOf(page: DevicePage, language: Language): string {
  const text = words[language]
  switch (page.kind) {
    case 'sign-in':
      return signInForm(language, {
        action: '/oauth/device/login',
        why: text.signIn,
        hidden: { user_code: page.userCode },
        fault: page.fault,
      })
    case 'enter-code':
      return `<p>${text.enter}</p>${page.fault ? faultLine(text[page.fault]) : ''}<form method="get" action="/oauth/device">
<label>${text.code} <input name="user_code" placeholder="XXXX-XXXX" autocomplete="off" required autofocus></label>
<button class="main">${text.continue}</button></form>`
    case 'decide': {
      const { userCode, clientId, userAgent, askedAt } = page.program
      const client = clientId === huggingFaceClient ? text.known : `${text.unknown} (${escaped(clientId)})`
      return `<p class="code">${escaped(userCode)}</p><p>${text.compare}</p><dl>
<div><dt>${text.asks}</dt><dd>${client}; ${text.calls}: ${escaped(userAgent) || '–'}; ${text.since} ${new Date(askedAt).toISOString().slice(0, 16).replace('T', ' ')} UTC</dd></div>
<div><dt>${text.as}</dt><dd><strong>${escaped(page.user)}</strong></dd></div></dl>
<form method="post" action="/oauth/device/answer"><input type="hidden" name="user_code" value="${escaped(userCode)}">
<label class="choice"><input type="radio" name="role" value="write" checked> ${text.write}</label>
<label class="choice"><input type="radio" name="role" value="read"> ${text.read}</label>
<button class="main" name="answer" value="allow">${text.allow}</button>
<button name="answer" value="deny">${text.deny}</button></form>`
    }
    default:
      return `<p role="status">${text[page.kind]}</p>`
  }
}
