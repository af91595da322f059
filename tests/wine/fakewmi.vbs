' SPDX-License-Identifier: GPL-3.0-or-later
' Put before licensing.vbs by tests/cli/licensing_wine.sh, with GetObject(...) replaced by New FakeWmi.
' One row answers every query. The environment says what is in it:
'   FAKE_ROWS=0       no row            FAKE_RAISE=query|install|deposit  what fails (0x80041002,
'                                       0xC004F050, 0xC004F04D)
'   FAKE_IID          the installation ID; once an ID for it is deposited, LicenseStatus is 1
'   FAKE_VALUE        value of every property      FAKE_RECORD  file that gets queries and calls
' Wine counts the final NUL as part of the value.
Function Env(name)
	Env = CreateObject("WScript.Shell").ExpandEnvironmentStrings("%" & name & "%")
	If Right(Env, 1) = Chr(0) Then Env = Left(Env, Len(Env) - 1)
End Function

Sub Record(line)
	Dim file
	Set file = CreateObject("Scripting.FileSystemObject").OpenTextFile(Env("FAKE_RECORD"), 8, True)
	file.WriteLine line
	file.Close
End Sub

Dim deposited
deposited = False

Class FakeRow
	Public Property Get LicenseStatus
		LicenseStatus = CLng(Env("FAKE_VALUE"))
		If deposited Then LicenseStatus = 1
	End Property
	Public Property Get OfflineInstallationId
		OfflineInstallationId = Env("FAKE_IID")
	End Property
	Public Sub DepositOfflineConfirmationId(installation, confirmation)
		Record "DepositOfflineConfirmationId " & installation & " " & confirmation
		If Env("FAKE_RAISE") = "deposit" Then Err.Raise &HC004F04D
		If installation = Env("FAKE_IID") And Env("FAKE_RAISE") <> "ignore" Then deposited = True
	End Sub
	Public Property Get GracePeriodRemaining
		GracePeriodRemaining = CLng(Env("FAKE_VALUE"))
	End Property
	Public Property Get RemainingWindowsReArmCount
		RemainingWindowsReArmCount = CLng(Env("FAKE_VALUE"))
	End Property
	Public Property Get LastBootUpTime
		LastBootUpTime = Env("FAKE_VALUE")
	End Property
	Public Property Get UserName
		UserName = Null
		If Env("FAKE_VALUE") <> "" Then UserName = Env("FAKE_VALUE")
		If Env("FAKE_VALUE") = "null" Then UserName = Null
	End Property
	Public Sub InstallProductKey(key)
		Record "InstallProductKey " & key
		If Env("FAKE_RAISE") = "install" Then Err.Raise &HC004F050
	End Sub
	Public Sub RefreshLicenseStatus
		Record "RefreshLicenseStatus"
	End Sub
End Class

Class FakeWmi
	Public Function ExecQuery(query)
		Dim rows
		Record query
		If Env("FAKE_RAISE") = "query" Then Err.Raise &H80041002
		Set rows = CreateObject("Scripting.Dictionary")
		If Env("FAKE_ROWS") <> "0" Then rows.Add New FakeRow, 1
		Set ExecQuery = rows
	End Function
End Class
