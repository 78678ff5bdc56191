import type { FastifyReply } from 'fastify'
import { type AuthorizationRequest, accessOf } from './authorization-request.ts'
import { escaped, languageOf, sendPage, signInForm } from './page.ts'

/**
 * The page on which somebody lets an application sign them in. What the application says of itself is called a claim;
 * what counts is the address to which the browser goes back.
 */
export type AuthorizePage =
  | { readonly kind: 'sign-in'; readonly fault?: 'wrong-password' | 'too-many' }
  | { readonly kind: 'decide'; readonly user: string }

const words = {
  en: {
    title: 'Sign in to an application',
    signIn: 'Sign in to this hub first. The application waits.',
    to: 'Application',
    calls: 'calls itself',
    as: 'You would be there',
    may: 'It would learn your name, your email address and your organisations, and in your own namespace, not in those of organisations, it would',
    none: 'do nothing',
    read: 'read all repositories, private ones too',
    discuss: 'read all repositories and write in discussions',
    write: 'read, write and create repositories',
    hours: 'For eight hours; its token is listed among yours, where you can revoke it.',
    allow: 'Let it in',
    deny: 'No',
  },
  zh: {
    title: '登录应用',
    signIn: '请先登录本站，应用正在等待。',
    to: '应用',
    calls: '自称',
    as: '您在那里的身份',
    may: '它将得知您的名称、电子邮箱和所属组织；在您个人（不含组织）的空间中，它可以',
    none: '不做任何操作',
    read: '读取所有仓库，包括私有仓库',
    discuss: '读取所有仓库，并在讨论中发言',
    write: '读取、写入和创建仓库',
    hours: '有效期八小时；令牌列在您的令牌中，可随时吊销。',
    allow: '允许',
    deny: '拒绝',
  },
} as const

/** `target` is where the forms of the page are sent, with all that the application has asked. */
export function sendAuthorizePage(
  reply: FastifyReply,
  page: AuthorizePage,
  request: AuthorizationRequest,
  target: { readonly query: string; readonly acceptLanguage: string | undefined },
): FastifyReply {
  const language = languageOf(target.acceptLanguage)
  const text = words[language]
  const { origin, host } = new URL(request.redirectUri)
  const body =
    page.kind === 'sign-in'
      ? signInForm(language, {
          action: `/oauth/authorize/login?${target.query}`,
          why: `${text.signIn} (${escaped(host)})`,
          fault: page.fault,
        })
      : `<dl>
<div><dt>${text.to}</dt><dd><strong>${escaped(host)}</strong>; ${text.calls}: ${escaped(request.clientName ?? request.clientId.slice(0, 100))}</dd></div>
<div><dt>${text.as}</dt><dd><strong>${escaped(page.user)}</strong></dd></div>
<div><dt>${text.may}</dt><dd>${text[accessOf(request.scopes) ?? 'none']}</dd></div></dl><p>${text.hours}</p>
<form method="post" action="${escaped(`/oauth/authorize?${target.query}`)}">
<button class="main" name="answer" value="allow">${text.allow}</button>
<button name="answer" value="deny">${text.deny}</button></form>`
  return sendPage(reply, { language, title: text.title, body, formTarget: origin })
}
