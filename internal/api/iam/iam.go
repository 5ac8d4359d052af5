// Package iam is the door of the identity service: the AWS query protocol over
// package identity.
//
// Source: IAM API Reference 2010-05-08.
package iam

import (
	"log/slog"
	"net/http"

	"github.com/keyfront-project/keyfront/internal/api/querydoor"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/wire/query"
)

const version = "2010-05-08"

// service decodes requests for the operations on identities.
type service struct {
	admin    *identity.Admin
	register *identity.Service
}

// New returns the door. register tells when keys and roles were last used.
func New(admin *identity.Admin, register *identity.Service, log *slog.Logger) *querydoor.Door {
	s := &service{admin, register}
	return querydoor.New(querydoor.Service{
		Namespace: query.IAMNamespace, Version: version, Operations: s.operations(), Failures: failures, Log: log,
	})
}

// ErrorCode is the name that err has on the wire, for the audit record.
func ErrorCode(err error) string { return querydoor.ErrorCode(failures, err) }

// failures gives every error of the domain its form.
var failures = []querydoor.Failure{
	{Err: identity.ErrNoSuchEntity, Status: http.StatusNotFound, Code: "NoSuchEntity"},
	{Err: identity.ErrExists, Status: http.StatusConflict, Code: "EntityAlreadyExists"},
	{Err: identity.ErrDeleteConflict, Status: http.StatusConflict, Code: "DeleteConflict"},
	{Err: identity.ErrLimit, Status: http.StatusConflict, Code: "LimitExceeded"},
	{Err: identity.ErrMalformedPolicy, Status: http.StatusBadRequest, Code: "MalformedPolicyDocument"},
	{Err: identity.ErrInvalidInput, Status: http.StatusBadRequest, Code: "InvalidInput"},
	{Err: identity.ErrValidation, Status: http.StatusBadRequest, Code: "ValidationError"},
	{Err: identity.ErrForeign, Status: http.StatusForbidden, Code: "AccessDenied"},
	{Err: identity.ErrAuthenticationCode, Status: http.StatusForbidden, Code: "InvalidAuthenticationCode"},
	{Err: identity.ErrSession, Status: http.StatusForbidden, Code: "InvalidClientTokenId"},
	{Err: identity.ErrSessionDenied, Status: http.StatusForbidden, Code: "AccessDenied"},
}

// operations is every operation of the service that is here.
func (s *service) operations() map[string]querydoor.Operation {
	return map[string]querydoor.Operation{
		"CreateUser":                    s.createUser,
		"GetUser":                       s.getUser,
		"ListUsers":                     s.listUsers,
		"UpdateUser":                    s.updateUser,
		"DeleteUser":                    s.deleteUser,
		"TagUser":                       s.tag(identity.KindUser, "UserName"),
		"UntagUser":                     s.untag(identity.KindUser, "UserName"),
		"ListUserTags":                  s.listTags(identity.KindUser, "UserName"),
		"PutUserPolicy":                 s.putInline(identity.KindUser, "UserName"),
		"GetUserPolicy":                 s.getInline(identity.KindUser, "UserName"),
		"ListUserPolicies":              s.listInline(identity.KindUser, "UserName"),
		"DeleteUserPolicy":              s.deleteInline(identity.KindUser, "UserName"),
		"AttachUserPolicy":              s.attach(identity.KindUser, "UserName"),
		"DetachUserPolicy":              s.detach(identity.KindUser, "UserName"),
		"ListAttachedUserPolicies":      s.listAttached(identity.KindUser, "UserName"),
		"PutUserPermissionsBoundary":    s.putBoundary(identity.KindUser, "UserName"),
		"DeleteUserPermissionsBoundary": s.deleteBoundary(identity.KindUser, "UserName"),

		"CreateAccessKey":      s.createAccessKey,
		"ListAccessKeys":       s.listAccessKeys,
		"UpdateAccessKey":      s.updateAccessKey,
		"DeleteAccessKey":      s.deleteAccessKey,
		"GetAccessKeyLastUsed": s.getAccessKeyLastUsed,

		"CreateGroup":               s.createGroup,
		"GetGroup":                  s.getGroup,
		"ListGroups":                s.listGroups,
		"UpdateGroup":               s.updateGroup,
		"DeleteGroup":               s.deleteGroup,
		"AddUserToGroup":            s.addUserToGroup,
		"RemoveUserFromGroup":       s.removeUserFromGroup,
		"ListGroupsForUser":         s.listGroupsForUser,
		"PutGroupPolicy":            s.putInline(identity.KindGroup, "GroupName"),
		"GetGroupPolicy":            s.getInline(identity.KindGroup, "GroupName"),
		"ListGroupPolicies":         s.listInline(identity.KindGroup, "GroupName"),
		"DeleteGroupPolicy":         s.deleteInline(identity.KindGroup, "GroupName"),
		"AttachGroupPolicy":         s.attach(identity.KindGroup, "GroupName"),
		"DetachGroupPolicy":         s.detach(identity.KindGroup, "GroupName"),
		"ListAttachedGroupPolicies": s.listAttached(identity.KindGroup, "GroupName"),

		"CreateRole":                    s.createRole,
		"GetRole":                       s.getRole,
		"ListRoles":                     s.listRoles,
		"UpdateRole":                    s.updateRole,
		"UpdateRoleDescription":         s.updateRoleDescription,
		"UpdateAssumeRolePolicy":        s.updateAssumeRolePolicy,
		"DeleteRole":                    s.deleteRole,
		"TagRole":                       s.tag(identity.KindRole, "RoleName"),
		"UntagRole":                     s.untag(identity.KindRole, "RoleName"),
		"ListRoleTags":                  s.listTags(identity.KindRole, "RoleName"),
		"PutRolePolicy":                 s.putInline(identity.KindRole, "RoleName"),
		"GetRolePolicy":                 s.getInline(identity.KindRole, "RoleName"),
		"ListRolePolicies":              s.listInline(identity.KindRole, "RoleName"),
		"DeleteRolePolicy":              s.deleteInline(identity.KindRole, "RoleName"),
		"AttachRolePolicy":              s.attach(identity.KindRole, "RoleName"),
		"DetachRolePolicy":              s.detach(identity.KindRole, "RoleName"),
		"ListAttachedRolePolicies":      s.listAttached(identity.KindRole, "RoleName"),
		"PutRolePermissionsBoundary":    s.putBoundary(identity.KindRole, "RoleName"),
		"DeleteRolePermissionsBoundary": s.deleteBoundary(identity.KindRole, "RoleName"),

		"CreatePolicy":            s.createPolicy,
		"GetPolicy":               s.getPolicy,
		"ListPolicies":            s.listPolicies,
		"DeletePolicy":            s.deletePolicy,
		"CreatePolicyVersion":     s.createPolicyVersion,
		"GetPolicyVersion":        s.getPolicyVersion,
		"ListPolicyVersions":      s.listPolicyVersions,
		"DeletePolicyVersion":     s.deletePolicyVersion,
		"SetDefaultPolicyVersion": s.setDefaultPolicyVersion,
		"ListEntitiesForPolicy":   s.listEntitiesForPolicy,
		"TagPolicy":               s.tag(identity.KindPolicy, "PolicyArn"),
		"UntagPolicy":             s.untag(identity.KindPolicy, "PolicyArn"),
		"ListPolicyTags":          s.listTags(identity.KindPolicy, "PolicyArn"),

		"CreateInstanceProfile":         s.createInstanceProfile,
		"GetInstanceProfile":            s.getInstanceProfile,
		"ListInstanceProfiles":          s.listInstanceProfiles,
		"ListInstanceProfilesForRole":   s.listInstanceProfilesForRole,
		"AddRoleToInstanceProfile":      s.addRoleToInstanceProfile,
		"RemoveRoleFromInstanceProfile": s.removeRoleFromInstanceProfile,
		"DeleteInstanceProfile":         s.deleteInstanceProfile,
		"TagInstanceProfile":            s.tag(identity.KindProfile, "InstanceProfileName"),
		"UntagInstanceProfile":          s.untag(identity.KindProfile, "InstanceProfileName"),
		"ListInstanceProfileTags":       s.listTags(identity.KindProfile, "InstanceProfileName"),

		"CreateVirtualMFADevice": s.createVirtualMFADevice,
		"EnableMFADevice":        s.enableMFADevice,
		"ResyncMFADevice":        s.resyncMFADevice,
		"DeactivateMFADevice":    s.deactivateMFADevice,
		"DeleteVirtualMFADevice": s.deleteVirtualMFADevice,
		"ListMFADevices":         s.listMFADevices,
		"ListVirtualMFADevices":  s.listVirtualMFADevices,
		"TagMFADevice":           s.tag(identity.KindDevice, "SerialNumber"),
		"UntagMFADevice":         s.untag(identity.KindDevice, "SerialNumber"),
		"ListMFADeviceTags":      s.listTags(identity.KindDevice, "SerialNumber"),

		"ListSSHPublicKeys":              s.noneOfUser("ListSSHPublicKeys", noSSHPublicKeys{}),
		"ListSigningCertificates":        s.noneOfUser("ListSigningCertificates", noCertificates{}),
		"ListServiceSpecificCredentials": s.noneOfUser("ListServiceSpecificCredentials", noServiceCredentials{}),
		"GetLoginProfile":                s.noLoginProfile("GetLoginProfile"),
		"DeleteLoginProfile":             s.noLoginProfile("DeleteLoginProfile"),
		"GetAccountPasswordPolicy":       s.getAccountPasswordPolicy,
		"ListServerCertificates":         s.noneOfAccount("ListServerCertificates", noServerCertificates{}),
		"ListOpenIDConnectProviders":     s.noneOfAccount("ListOpenIDConnectProviders", noOpenIDProviders{}),
		"ListSAMLProviders":              s.noneOfAccount("ListSAMLProviders", noSAMLProviders{}),

		"CreateAccountAlias":               s.createAccountAlias,
		"DeleteAccountAlias":               s.deleteAccountAlias,
		"ListAccountAliases":               s.listAccountAliases,
		"GetAccountSummary":                s.getAccountSummary,
		"GetAccountAuthorizationDetails":   s.getAccountAuthorizationDetails,
		"SimulatePrincipalPolicy":          s.simulatePrincipalPolicy,
		"SimulateCustomPolicy":             s.simulateCustomPolicy,
		"GetContextKeysForPrincipalPolicy": s.getContextKeysForPrincipalPolicy,
		"GetContextKeysForCustomPolicy":    s.getContextKeysForCustomPolicy,
	}
}
