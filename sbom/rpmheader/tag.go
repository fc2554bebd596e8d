package rpmheader

// The tags that the readers of headers share (include/rpm/rpmtag.h). The others
// are constants of their readers.
const (
	TagSigPGP       = 259 // over header and payload
	TagSigGPG       = 262 // over header and payload
	TagDSAHeader    = 267
	TagRSAHeader    = 268
	TagSHA1Header   = 269
	TagSHA256Header = 273
	TagOpenPGP      = 278 // of rpm 6
	TagName         = 1000
	TagVersion      = 1001
	TagRelease      = 1002
	TagEpoch        = 1003
	TagArch         = 1022

	TagOldFileNames    = 1027
	TagFileSizes       = 1028
	TagFileStates      = 1029
	TagFileModes       = 1030
	TagFileDigests     = 1035
	TagFileLinks       = 1036
	TagFileFlags       = 1037
	TagFileUsers       = 1039
	TagFileGroups      = 1040
	TagFileVerify      = 1045
	TagDirIndexes      = 1116
	TagBaseNames       = 1117
	TagDirNames        = 1118
	TagLongFileSizes   = 5008
	TagFileCaps        = 5010
	TagFileDigestAlgo  = 5011
	TagPayloadDigest   = 5092
	TagPayloadDigestAl = 5093
)
