// Revalidates a tag or a path: at once, or, with `profile`, in the background.
import { revalidatePath, revalidateTag } from 'next/cache'

export async function POST(request) {
  const { tag, path, profile } = await request.json()
  if (tag !== undefined) revalidateTag(tag, profile ?? { expire: 0 })
  else revalidatePath(path)
  return Response.json('done')
}
