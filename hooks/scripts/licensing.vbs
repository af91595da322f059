' w7prep: asks and tells Windows' licensing service through WMI. slmgr's text is translated and
' its exit status is 0 for some failures, so nothing is decided by it.
'
'   licensing.vbs listed [ID]       0: a product of Windows (with that activation ID) is known
'   licensing.vbs licensed          0: the installed product key is activated
'   licensing.vbs days              whole days of grace left, 0 to 250
'   licensing.vbs rearms            rearms left, 0 to 250
'   licensing.vbs install-key FILE  0: the key in the first line of FILE was installed
'   licensing.vbs deposit FILE      0: FILE ("installation-ID confirmation-ID" a line) holds this PC's
'                                   installation ID, its confirmation ID was deposited, and Windows is
'                                   licensed; 1: FILE does not hold it; 2: licensed before; 3: no
'                                   product key; 4: deposited, not licensed. 1 to 3: nothing was done
'   licensing.vbs restarted FILE    0: Windows was started after FILE was written
'   licensing.vbs user              0: somebody is logged on
'
' 1 is "no"; what could not be asked ends with the HRESULT (negative), usage with 87.
Option Explicit

Const WindowsAppId = "55c92734-d682-4d71-983e-d6ec3f16059f"
Const Licensed = 1
Const ForReading = 1
Const Attempts = 6

Dim wmi, verb, result
If WScript.Arguments.Count = 0 Then WScript.Quit 87
verb = LCase(WScript.Arguments(0))

' An error below ends the function it happens in and comes back here.
On Error Resume Next
Set wmi = GetObject("winmgmts:{impersonationLevel=impersonate}!\\.\root\cimv2")
If Err.Number <> 0 Then WScript.Quit Err.Number

Select Case verb
Case "listed"
	result = Listed(Argument(1))
Case "licensed"
	result = IsLicensed()
Case "days"
	result = Days()
Case "rearms"
	result = Rearms()
Case "install-key"
	result = InstallKey(Argument(1))
Case "deposit"
	result = Deposit(Argument(1))
Case "restarted"
	result = Restarted(Argument(1))
Case "user"
	result = UserLoggedOn()
Case Else
	result = 87
End Select
If Err.Number <> 0 Then result = Err.Number
WScript.Quit result

Function Argument(n)
	Argument = ""
	If WScript.Arguments.Count > n Then Argument = WScript.Arguments(n)
End Function

Function YesNo(yes)
	YesNo = 1
	If yes Then YesNo = 0
End Function

Function AtMost250(n)
	AtMost250 = n
	If n > 250 Then AtMost250 = 250
	If n < 0 Then AtMost250 = 0
End Function

' The service has just been started when this is asked: give it half a minute.
Function Listed(id)
	Dim i, answer
	On Error Resume Next
	For i = 1 To Attempts
		If i > 1 Then WScript.Sleep 5000
		Err.Clear
		answer = YesNo(CountProducts(id) > 0)
		If Err.Number <> 0 Then answer = Err.Number
		If answer = 0 Then Exit For
	Next
	Err.Clear
	Listed = answer
End Function

Function CountProducts(id)
	Dim query, products, product, n
	query = "SELECT ID FROM SoftwareLicensingProduct WHERE ApplicationID='" & WindowsAppId & "'"
	If id <> "" Then query = query & " AND ID='" & id & "'"
	n = 0
	Set products = wmi.ExecQuery(query)
	For Each product In products
		n = n + 1
	Next
	CountProducts = n
End Function

' The row of the key that is installed, add-ons left out.
Function ActiveProducts(columns)
	Set ActiveProducts = wmi.ExecQuery("SELECT " & columns & " FROM SoftwareLicensingProduct " & _
	    "WHERE ApplicationID='" & WindowsAppId & "' AND PartialProductKey <> NULL " & _
	    "AND LicenseIsAddon = FALSE")
End Function

Function IsLicensed()
	Dim products, product
	IsLicensed = 1
	Set products = ActiveProducts("ID, LicenseStatus")
	For Each product In products
		If product.LicenseStatus = Licensed Then IsLicensed = 0
	Next
End Function

Function Days()
	Dim products, product, minutes
	minutes = 0
	Set products = ActiveProducts("ID, GracePeriodRemaining")
	For Each product In products
		If product.GracePeriodRemaining > minutes Then minutes = product.GracePeriodRemaining
	Next
	Days = AtMost250(Int(minutes / 1440))
End Function

Function Rearms()
	Dim services, service
	Rearms = 0
	Set services = wmi.ExecQuery("SELECT RemainingWindowsReArmCount FROM SoftwareLicensingService")
	For Each service In services
		Rearms = AtMost250(service.RemainingWindowsReArmCount)
	Next
End Function

Function InstallKey(path)
	Dim file, key, services, service
	InstallKey = 1
	Set file = CreateObject("Scripting.FileSystemObject").OpenTextFile(path, ForReading)
	key = Trim(file.ReadLine)
	file.Close
	Set services = wmi.ExecQuery("SELECT Version FROM SoftwareLicensingService")
	For Each service In services
		service.InstallProductKey key
			InstallKey = 0
		service.RefreshLicenseStatus
	Next
End Function

Function Deposit(path)
	Dim products, product, confirmation
	Deposit = 3
	Set products = ActiveProducts("ID, LicenseStatus, OfflineInstallationId")
	For Each product In products
		confirmation = StoredFor(path, product.OfflineInstallationId)
		If product.LicenseStatus = Licensed Then
			Deposit = 2
		ElseIf confirmation = "" Then
			Deposit = 1
		Else
			product.DepositOfflineConfirmationId product.OfflineInstallationId, confirmation
			RefreshStatus
			Deposit = 4
			If IsLicensed() = 0 Then Deposit = 0
		End If
	Next
End Function

Function StoredFor(path, installation)
	Dim file, ids
	StoredFor = ""
	Set file = CreateObject("Scripting.FileSystemObject").OpenTextFile(path, ForReading)
	Do Until file.AtEndOfStream
		ids = Split(Trim(file.ReadLine), " ")
		If UBound(ids) = 1 Then
			If ids(0) = installation Then StoredFor = ids(1)
		End If
	Loop
	file.Close
End Function

Sub RefreshStatus()
	Dim services, service
	Set services = wmi.ExecQuery("SELECT Version FROM SoftwareLicensingService")
	For Each service In services
		service.RefreshLicenseStatus
	Next
End Sub

' LastBootUpTime is local time: yyyymmddHHMMSS.ffffff+UUU
Function Restarted(path)
	Dim systems, system, t, booted, written
	Restarted = 1
	written = CreateObject("Scripting.FileSystemObject").GetFile(path).DateLastModified
	Set systems = wmi.ExecQuery("SELECT LastBootUpTime FROM Win32_OperatingSystem")
	For Each system In systems
		t = system.LastBootUpTime
		booted = DateSerial(Mid(t, 1, 4), Mid(t, 5, 2), Mid(t, 7, 2)) + _
		    TimeSerial(Mid(t, 9, 2), Mid(t, 11, 2), Mid(t, 13, 2))
		Restarted = YesNo(booted > written)
	Next
End Function

Function UserLoggedOn()
	Dim systems, system
	UserLoggedOn = 1
	Set systems = wmi.ExecQuery("SELECT UserName FROM Win32_ComputerSystem")
	For Each system In systems
		If system.UserName <> "" Then UserLoggedOn = 0
	Next
End Function
