import { cacheLife, cacheTag } from 'next/cache'
import { connection } from 'next/server'
import { Suspense } from 'react'

async function made() {
  'use cache'
  cacheTag('made')
  cacheLife('hours')
  return `${Date.now()}-${Math.random()}`
}

async function Made() {
  await connection()
  return <p>made:{await made()}:cached</p>
}

export default function Page() {
  return (
    <Suspense fallback={null}>
      <Made />
    </Suspense>
  )
}
