// Rendered by the build, and again after an hour, or when its tag is revalidated.
import { unstable_cache } from 'next/cache'

export const revalidate = 3600
const made = unstable_cache(async () => `${Date.now()}-${Math.random()}`, ['isr'], { tags: ['isr'] })

export default async function Page() {
  return <p>made:{await made()}:rendered</p>
}
