/** What has become of a user's request to pass the gate of a repository. */
export type Admission = 'none' | 'pending' | 'accepted' | 'rejected'
