package stack

import "strings"

// Status is the state of a stack or of a resource, in the words of
// CloudFormation.
type Status string

const (
	CreateInProgress         Status = "CREATE_IN_PROGRESS"
	CreateComplete           Status = "CREATE_COMPLETE"
	CreateFailed             Status = "CREATE_FAILED"
	RollbackInProgress       Status = "ROLLBACK_IN_PROGRESS"
	RollbackComplete         Status = "ROLLBACK_COMPLETE"
	RollbackFailed           Status = "ROLLBACK_FAILED"
	UpdateInProgress         Status = "UPDATE_IN_PROGRESS"
	UpdateCleanup            Status = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
	UpdateComplete           Status = "UPDATE_COMPLETE"
	UpdateFailed             Status = "UPDATE_FAILED"
	UpdateRollbackInProgress Status = "UPDATE_ROLLBACK_IN_PROGRESS"
	UpdateRollbackCleanup    Status = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
	UpdateRollbackComplete   Status = "UPDATE_ROLLBACK_COMPLETE"
	UpdateRollbackFailed     Status = "UPDATE_ROLLBACK_FAILED"
	DeleteInProgress         Status = "DELETE_IN_PROGRESS"
	DeleteComplete           Status = "DELETE_COMPLETE"
	DeleteFailed             Status = "DELETE_FAILED"
	DeleteSkipped            Status = "DELETE_SKIPPED"
	ReviewInProgress         Status = "REVIEW_IN_PROGRESS"
)

// inProgress tells whether a stack of that status is worked on.
func inProgress(s Status) bool {
	return s != ReviewInProgress && strings.HasSuffix(string(s), "_IN_PROGRESS")
}

// updatable tells whether a stack of that status can be updated.
func updatable(s Status) bool {
	switch s {
	case CreateComplete, UpdateComplete, UpdateRollbackComplete:
		return true
	default:
		return false
	}
}

// OnFailure is what becomes of a stack that could not be created.
type OnFailure string

const (
	Rollback  OnFailure = "ROLLBACK"
	Delete    OnFailure = "DELETE"
	DoNothing OnFailure = "DO_NOTHING"
)
